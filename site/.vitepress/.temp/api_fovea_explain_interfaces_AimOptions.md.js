import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: AimOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/AimOptions.md","filePath":"api/fovea/explain/interfaces/AimOptions.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/AimOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-aimoptions" tabindex="-1">Interface: AimOptions <a class="header-anchor" href="#interface-aimoptions" aria-label="Permalink to &quot;Interface: AimOptions&quot;">​</a></h1><p>What to explain about an image.</p><h2 id="extended-by" tabindex="-1">Extended by <a class="header-anchor" href="#extended-by" aria-label="Permalink to &quot;Extended by&quot;">​</a></h2><ul><li><a href="./../../interfaces/ExplainOptions"><code>ExplainOptions</code></a></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-class"></a> <code>class?</code></td><td style="text-align:left;" data-label="Type"><code>string</code> | <code>number</code></td><td style="text-align:left;" data-label="Description">The class, by index or name. Default: the predicted one; in a segmentation, the one with the most positions.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-region"></a> <code>region?</code></td><td style="text-align:left;" data-label="Type"><code>Uint8Array</code>&lt;<code>ArrayBufferLike</code>&gt;</td><td style="text-align:left;" data-label="Description">For a network with logits per position, the positions to explain: [H·W] of its output, 0 for the others. Default: those where the class is predicted, or all if there are none.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/AimOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const AimOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  AimOptions as default
};
