import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: SanityRow","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/SanityRow.md","filePath":"api/fovea/explain/interfaces/SanityRow.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/SanityRow.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-sanityrow" tabindex="-1">Interface: SanityRow <a class="header-anchor" href="#interface-sanityrow" aria-label="Permalink to &quot;Interface: SanityRow&quot;">​</a></h1><p>How much of a method&#39;s maps remains when weights are random.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-ignores"></a> <code>ignores</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[]</td><td style="text-align:left;" data-label="Description">The first stages, from the classifier on, that the maps hardly depend on: their correlation is not below the control.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-name"></a> <code>name</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">Name of the method.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-otherimages"></a> <code>otherImages</code></td><td style="text-align:left;" data-label="Type"><a href="./Interval"><code>Interval</code></a></td><td style="text-align:left;" data-label="Description">The control: rank correlation between the maps of different images. A correlation not below it may just reflect a bias of the method.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-passed"></a> <code>passed</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Whether the correlation with everything randomized is below the control.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-stages"></a> <code>stages</code></td><td style="text-align:left;" data-label="Type">readonly { <code>constant</code>: <code>number</code>; <code>correlation</code>: <a href="./Interval"><code>Interval</code></a>; <code>stage</code>: <code>string</code>; }[]</td><td style="text-align:left;" data-label="Description">Rank correlation with the maps of the trained network after each stage is randomized together with all later stages. <code>constant</code> counts maps, over all draws, that are constant and so have no correlation.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/SanityRow.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const SanityRow = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  SanityRow as default
};
