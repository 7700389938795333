import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: TraceOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/TraceOptions.md","filePath":"api/fovea/interfaces/TraceOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/TraceOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-traceoptions" tabindex="-1">Interface: TraceOptions <a class="header-anchor" href="#interface-traceoptions" aria-label="Permalink to &quot;Interface: TraceOptions&quot;">​</a></h1><p>Options of <a href="./../nn/functions/graphFor">graphFor</a>: training mode, and cells that belong to no module, such as an optimizer&#39;s, by name.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-cells"></a> <code>cells?</code></td><td style="text-align:left;" data-label="Type"><code>ReadonlyMap</code>&lt;<code>string</code>, <code>Cell</code>&gt;</td><td style="text-align:left;" data-label="Description">Cells that belong to no module, by name.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-training"></a> <code>training?</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Whether modules behave as in training. Default false.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/TraceOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const TraceOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  TraceOptions as default
};
