import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: GateReport","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/GateReport.md","filePath":"api/fovea/explain/interfaces/GateReport.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/GateReport.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-gatereport" tabindex="-1">Interface: GateReport <a class="header-anchor" href="#interface-gatereport" aria-label="Permalink to &quot;Interface: GateReport&quot;">​</a></h1><p>Result of <a href="./../functions/gateStatistics">gateStatistics</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-chance"></a> <code>chance</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Expected <code>byClass</code> if the class does not matter: (classes − 1) / (images − 1).</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-gates"></a> <code>gates</code></td><td style="text-align:left;" data-label="Type">readonly <a href="./GateStatistics"><code>GateStatistics</code></a>[]</td><td style="text-align:left;" data-label="Description">One entry per gate, in the order in which the network computes them.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-images"></a> <code>images</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">How many images were run.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/GateReport.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const GateReport = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  GateReport as default
};
