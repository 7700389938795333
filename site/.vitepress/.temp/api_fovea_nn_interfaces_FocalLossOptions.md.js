import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: FocalLossOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/nn/interfaces/FocalLossOptions.md","filePath":"api/fovea/nn/interfaces/FocalLossOptions.md"}');
const _sfc_main = { name: "api/fovea/nn/interfaces/FocalLossOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-focallossoptions" tabindex="-1">Interface: FocalLossOptions <a class="header-anchor" href="#interface-focallossoptions" aria-label="Permalink to &quot;Interface: FocalLossOptions&quot;">​</a></h1><p>Options of <a href="./../functions/focalLoss">focalLoss</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-classweights"></a> <code>classWeights?</code></td><td style="text-align:left;" data-label="Type">readonly <code>number</code>[]</td><td style="text-align:left;" data-label="Description">A weight per class; as in <a href="./LossOptions">LossOptions</a>.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-gamma"></a> <code>gamma?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">The exponent γ: 0 gives cross entropy. At least 1 otherwise. Default 2.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/nn/interfaces/FocalLossOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const FocalLossOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  FocalLossOptions as default
};
