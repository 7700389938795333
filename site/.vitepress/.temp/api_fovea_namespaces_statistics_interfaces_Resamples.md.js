import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Resamples","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/namespaces/statistics/interfaces/Resamples.md","filePath":"api/fovea/namespaces/statistics/interfaces/Resamples.md"}');
const _sfc_main = { name: "api/fovea/namespaces/statistics/interfaces/Resamples.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-resamples" tabindex="-1">Interface: Resamples <a class="header-anchor" href="#interface-resamples" aria-label="Permalink to &quot;Interface: Resamples&quot;">​</a></h1><p>Resamples: positions in a sample of <code>size</code>, one list after another.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-indices"></a> <code>indices</code></td><td style="text-align:left;"><code>ArrayLike</code>&lt;<code>number</code>&gt;</td></tr><tr><td style="text-align:left;"><a id="property-size"></a> <code>size</code></td><td style="text-align:left;"><code>number</code></td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/namespaces/statistics/interfaces/Resamples.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Resamples = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Resamples as default
};
