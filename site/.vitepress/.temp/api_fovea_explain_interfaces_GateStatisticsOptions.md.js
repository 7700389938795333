import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: GateStatisticsOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/GateStatisticsOptions.md","filePath":"api/fovea/explain/interfaces/GateStatisticsOptions.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/GateStatisticsOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-gatestatisticsoptions" tabindex="-1">Interface: GateStatisticsOptions <a class="header-anchor" href="#interface-gatestatisticsoptions" aria-label="Permalink to &quot;Interface: GateStatisticsOptions&quot;">​</a></h1><p>Options of <a href="./../functions/gateStatistics">gateStatistics</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-engine"></a> <code>engine</code></td><td style="text-align:left;" data-label="Type"><a href="./../../interfaces/Engine"><code>Engine</code></a></td><td style="text-align:left;" data-label="Description">What computes.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-images"></a> <code>images?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">How many images of the data set, evenly spaced. Default: all.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-onprogress"></a> <code>onProgress?</code></td><td style="text-align:left;" data-label="Type">(<code>done</code>, <code>total</code>) =&gt; <code>void</code></td><td style="text-align:left;" data-label="Description">Called after each image.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-signal"></a> <code>signal?</code></td><td style="text-align:left;" data-label="Type"><code>AbortSignal</code></td><td style="text-align:left;" data-label="Description">Stops between images.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/GateStatisticsOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const GateStatisticsOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  GateStatisticsOptions as default
};
