import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: SegmentationOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/SegmentationOptions.md","filePath":"api/fovea/interfaces/SegmentationOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/SegmentationOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-segmentationoptions" tabindex="-1">Interface: SegmentationOptions <a class="header-anchor" href="#interface-segmentationoptions" aria-label="Permalink to &quot;Interface: SegmentationOptions&quot;">​</a></h1><p>Options of <a href="./../functions/segmentation">segmentation</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-auxiliary"></a> <code>auxiliary?</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Train on the network&#39;s auxiliary outputs too, as its authors do: all three of DANet, SPNet&#39;s second at 0.4. Default true.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-classweights"></a> <code>classWeights?</code></td><td style="text-align:left;" data-label="Type">readonly <code>number</code>[]</td><td style="text-align:left;" data-label="Description">A weight per class, for cross entropy and focal loss; <code>balancedWeights</code> gives those of median frequency balancing. Default: all 1.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-loss"></a> <code>loss?</code></td><td style="text-align:left;" data-label="Type">readonly (<code>&quot;cross-entropy&quot;</code> | <code>&quot;dice&quot;</code> | <code>&quot;focal&quot;</code>)[]</td><td style="text-align:left;" data-label="Description">The losses to add. Default <code>[&quot;cross-entropy&quot;]</code>.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/SegmentationOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const SegmentationOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  SegmentationOptions as default
};
