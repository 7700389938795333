import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Tuning","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/Tuning.md","filePath":"api/fovea/interfaces/Tuning.md"}');
const _sfc_main = { name: "api/fovea/interfaces/Tuning.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-tuning" tabindex="-1">Interface: Tuning <a class="header-anchor" href="#interface-tuning" aria-label="Permalink to &quot;Interface: Tuning&quot;">​</a></h1><p>Sizes at which one lowering becomes faster than another. They depend on the processor; <code>fovea bench calibrate</code> measures them. A bad table costs time but never changes a result beyond rounding.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-fewimages"></a> <code>fewImages</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Up to this many images per batch, training graphs are lowered plain, because blocking does not pay; 0 for never.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-winograd"></a> <code>winograd</code></td><td style="text-align:left;" data-label="Type"><a href="./../engine/interfaces/WinogradTuning"><code>WinogradTuning</code></a></td><td style="text-align:left;" data-label="Description">Which 3×3 convolutions Winograd&#39;s algorithm computes.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/Tuning.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Tuning = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Tuning as default
};
