import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: LossOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/nn/interfaces/LossOptions.md","filePath":"api/fovea/nn/interfaces/LossOptions.md"}');
const _sfc_main = { name: "api/fovea/nn/interfaces/LossOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-lossoptions" tabindex="-1">Interface: LossOptions <a class="header-anchor" href="#interface-lossoptions" aria-label="Permalink to &quot;Interface: LossOptions&quot;">​</a></h1><p>Options of <a href="./../functions/crossEntropy">crossEntropy</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-classweights"></a> <code>classWeights?</code></td><td style="text-align:left;" data-label="Type">readonly <code>number</code>[]</td><td style="text-align:left;" data-label="Description">A weight per class. The mean is then weighted: divided by the sum of the targets&#39; weights, as in PyTorch. Default: all 1.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-ignoreunlabeled"></a> <code>ignoreUnlabeled?</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Leave positions whose target is all zeros out of the mean: PyTorch&#39;s <code>ignore_index</code>. Default false.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-labelsmoothing"></a> <code>labelSmoothing?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Share ε of each target that is spread over all classes. Default 0.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/nn/interfaces/LossOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const LossOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  LossOptions as default
};
