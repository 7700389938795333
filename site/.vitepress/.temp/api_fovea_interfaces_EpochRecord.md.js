import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: EpochRecord","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/EpochRecord.md","filePath":"api/fovea/interfaces/EpochRecord.md"}');
const _sfc_main = { name: "api/fovea/interfaces/EpochRecord.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-epochrecord" tabindex="-1">Interface: EpochRecord <a class="header-anchor" href="#interface-epochrecord" aria-label="Permalink to &quot;Interface: EpochRecord&quot;">​</a></h1><p>One finished epoch. Shares are between 0 and 1. Holds nothing that differs when a training is repeated.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-epoch"></a> <code>epoch</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Counted from 1.</td></tr><tr><td style="text-align:left;"><a id="property-loss"></a> <code>loss</code></td><td style="text-align:left;"><code>number</code> | <code>null</code></td><td style="text-align:left;">After the epoch; null without validation data.</td></tr><tr><td style="text-align:left;"><a id="property-lr"></a> <code>lr</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Learning rate of the epoch&#39;s last step.</td></tr><tr><td style="text-align:left;"><a id="property-meaniou"></a> <code>meanIoU?</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Segmentation only.</td></tr><tr><td style="text-align:left;"><a id="property-step"></a> <code>step</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Steps done so far.</td></tr><tr><td style="text-align:left;"><a id="property-top1"></a> <code>top1</code></td><td style="text-align:left;"><code>number</code> | <code>null</code></td><td style="text-align:left;">Top-1 of the validation images.</td></tr><tr><td style="text-align:left;"><a id="property-top5"></a> <code>top5</code></td><td style="text-align:left;"><code>number</code> | <code>null</code></td><td style="text-align:left;">Top-5 of the validation images.</td></tr><tr><td style="text-align:left;"><a id="property-trainloss"></a> <code>trainLoss</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Over the epoch&#39;s batches, in training mode, while the weights changed.</td></tr><tr><td style="text-align:left;"><a id="property-traintop1"></a> <code>trainTop1</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Top-1 of the training images, as seen in training.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/EpochRecord.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const EpochRecord = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  EpochRecord as default
};
