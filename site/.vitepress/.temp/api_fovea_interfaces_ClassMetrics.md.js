import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: ClassMetrics","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/ClassMetrics.md","filePath":"api/fovea/interfaces/ClassMetrics.md"}');
const _sfc_main = { name: "api/fovea/interfaces/ClassMetrics.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-classmetrics" tabindex="-1">Interface: ClassMetrics <a class="header-anchor" href="#interface-classmetrics" aria-label="Permalink to &quot;Interface: ClassMetrics&quot;">​</a></h1><p>Metrics of one class. <code>precision</code> is null if the class was never predicted, <code>recall</code> if it has no images.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-correct"></a> <code>correct</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Correctly classified images of the class.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-count"></a> <code>count</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Images of the class.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-name"></a> <code>name</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">Name of the class.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-precision"></a> <code>precision</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | <code>null</code></td><td style="text-align:left;" data-label="Description">Share of the predictions of the class that were correct; null without any.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-recall"></a> <code>recall</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | <code>null</code></td><td style="text-align:left;" data-label="Description">Share of the class&#39;s images that were recognized.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/ClassMetrics.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const ClassMetrics = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  ClassMetrics as default
};
