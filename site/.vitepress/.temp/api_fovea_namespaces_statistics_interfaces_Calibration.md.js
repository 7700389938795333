import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Calibration","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/namespaces/statistics/interfaces/Calibration.md","filePath":"api/fovea/namespaces/statistics/interfaces/Calibration.md"}');
const _sfc_main = { name: "api/fovea/namespaces/statistics/interfaces/Calibration.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-calibration" tabindex="-1">Interface: Calibration <a class="header-anchor" href="#interface-calibration" aria-label="Permalink to &quot;Interface: Calibration&quot;">​</a></h1><p>Whether a network&#39;s confidence matches its accuracy.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-adaptiveece"></a> <code>adaptiveEce</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">The same over 15 bins of equal count.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-bins"></a> <code>bins</code></td><td style="text-align:left;" data-label="Type">readonly <a href="./CalibrationBin"><code>CalibrationBin</code></a>[]</td><td style="text-align:left;" data-label="Description">-</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-brier"></a> <code>brier</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Mean over images of Σ over classes (probability − target)².</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-ece"></a> <code>ece</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Expected calibration error (Guo et al., 2017): Σ share of the bin · |accuracy − confidence|, over 15 bins (lo, hi] of equal width.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-mce"></a> <code>mce</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">The largest gap of an equal-width bin.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-nll"></a> <code>nll</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Mean −ln probability of the label, in nats.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/namespaces/statistics/interfaces/Calibration.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Calibration = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Calibration as default
};
