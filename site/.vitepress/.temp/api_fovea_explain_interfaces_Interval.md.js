import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Interval","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/Interval.md","filePath":"api/fovea/explain/interfaces/Interval.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/Interval.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-interval" tabindex="-1">Interface: Interval <a class="header-anchor" href="#interface-interval" aria-label="Permalink to &quot;Interface: Interval&quot;">​</a></h1><p>A mean over images with its confidence interval.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-count"></a> <code>count</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Number of values that are not NaN.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-high"></a> <code>high</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">The upper end.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-low"></a> <code>low</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">NaN with fewer than two values, like <code>high</code>.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-mean"></a> <code>mean</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">The mean of the values that are not NaN.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/Interval.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Interval = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Interval as default
};
