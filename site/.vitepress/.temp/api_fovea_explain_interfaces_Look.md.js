import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Look","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/Look.md","filePath":"api/fovea/explain/interfaces/Look.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/Look.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-look" tabindex="-1">Interface: Look <a class="header-anchor" href="#interface-look" aria-label="Permalink to &quot;Interface: Look&quot;">​</a></h1><p>What a network predicts for one of the followed images, and where it looks.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-cam"></a> <code>cam</code></td><td style="text-align:left;" data-label="Type"><a href="./StoredMap"><code>StoredMap</code></a></td><td style="text-align:left;" data-label="Description">Grad-CAM for the image&#39;s own class: raw and signed.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-gate"></a> <code>gate</code></td><td style="text-align:left;" data-label="Type"><a href="./StoredMap"><code>StoredMap</code></a> | <code>null</code></td><td style="text-align:left;" data-label="Description">The last spatial gate.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-predicted"></a> <code>predicted</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">-</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-probability"></a> <code>probability</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Probability of the image&#39;s own class.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/Look.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Look = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Look as default
};
