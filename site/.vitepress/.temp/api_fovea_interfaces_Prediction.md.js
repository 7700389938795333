import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Prediction","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/Prediction.md","filePath":"api/fovea/interfaces/Prediction.md"}');
const _sfc_main = { name: "api/fovea/interfaces/Prediction.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-prediction" tabindex="-1">Interface: Prediction <a class="header-anchor" href="#interface-prediction" aria-label="Permalink to &quot;Interface: Prediction&quot;">​</a></h1><p>A class and its probability.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-index"></a> <code>index</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Index among the logits.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-name"></a> <code>name</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">Class name, or <code>class 7</code> if names are unknown.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-probability"></a> <code>probability</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Between 0 and 1: the softmax of the logits.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/Prediction.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Prediction = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Prediction as default
};
