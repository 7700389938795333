import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: PixelClassMetrics","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/PixelClassMetrics.md","filePath":"api/fovea/interfaces/PixelClassMetrics.md"}');
const _sfc_main = { name: "api/fovea/interfaces/PixelClassMetrics.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-pixelclassmetrics" tabindex="-1">Interface: PixelClassMetrics <a class="header-anchor" href="#interface-pixelclassmetrics" aria-label="Permalink to &quot;Interface: PixelClassMetrics&quot;">​</a></h1><p>Metrics of one class of pixels. Null if the class is in no image.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-boundaryf"></a> <code>boundaryF</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | <code>null</code></td><td style="text-align:left;" data-label="Description">Mean over images of the F-measure of the class&#39;s boundaries.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-iou"></a> <code>iou</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | <code>null</code></td><td style="text-align:left;" data-label="Description">Intersection over union: TP / (TP + FP + FN); null if no pixel is of the class or predicted as it.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-name"></a> <code>name</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">Name of the class.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-pixels"></a> <code>pixels</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Labeled pixels of the class.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-precision"></a> <code>precision</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | <code>null</code></td><td style="text-align:left;" data-label="Description">Share of the pixels predicted as the class that belong to it, TP / (TP + FP).</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-recall"></a> <code>recall</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | <code>null</code></td><td style="text-align:left;" data-label="Description">Share of the class&#39;s pixels that were found, TP / (TP + FN).</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/PixelClassMetrics.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const PixelClassMetrics = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  PixelClassMetrics as default
};
