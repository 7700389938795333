import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: CalibrationBin","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/namespaces/statistics/interfaces/CalibrationBin.md","filePath":"api/fovea/namespaces/statistics/interfaces/CalibrationBin.md"}');
const _sfc_main = { name: "api/fovea/namespaces/statistics/interfaces/CalibrationBin.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-calibrationbin" tabindex="-1">Interface: CalibrationBin <a class="header-anchor" href="#interface-calibrationbin" aria-label="Permalink to &quot;Interface: CalibrationBin&quot;">​</a></h1><p>A bin of predictions by their confidence. NaN where it is empty.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-accuracy"></a> <code>accuracy</code></td><td style="text-align:left;"><code>number</code></td></tr><tr><td style="text-align:left;"><a id="property-confidence"></a> <code>confidence</code></td><td style="text-align:left;"><code>number</code></td></tr><tr><td style="text-align:left;"><a id="property-count"></a> <code>count</code></td><td style="text-align:left;"><code>number</code></td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/namespaces/statistics/interfaces/CalibrationBin.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const CalibrationBin = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  CalibrationBin as default
};
