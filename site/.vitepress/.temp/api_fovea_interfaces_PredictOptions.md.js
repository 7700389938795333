import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: PredictOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/PredictOptions.md","filePath":"api/fovea/interfaces/PredictOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/PredictOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-predictoptions" tabindex="-1">Interface: PredictOptions <a class="header-anchor" href="#interface-predictoptions" aria-label="Permalink to &quot;Interface: PredictOptions&quot;">​</a></h1><p>Options of <a href="./../functions/predict">predict</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-engine"></a> <code>engine</code></td><td style="text-align:left;" data-label="Type"><a href="./Engine"><code>Engine</code></a></td><td style="text-align:left;" data-label="Description">What computes.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-signal"></a> <code>signal?</code></td><td style="text-align:left;" data-label="Type"><code>AbortSignal</code></td><td style="text-align:left;" data-label="Description">Aborts the work.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-top"></a> <code>top?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">How many classes to return per image, most probable first. Default 5.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/PredictOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const PredictOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  PredictOptions as default
};
