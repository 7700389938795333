import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: OrtOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/OrtOptions.md","filePath":"api/fovea/interfaces/OrtOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/OrtOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-ortoptions" tabindex="-1">Interface: OrtOptions <a class="header-anchor" href="#interface-ortoptions" aria-label="Permalink to &quot;Interface: OrtOptions&quot;">​</a></h1><p>Options of the ONNX Runtime engines.</p><h2 id="extended-by" tabindex="-1">Extended by <a class="header-anchor" href="#extended-by" aria-label="Permalink to &quot;Extended by&quot;">​</a></h2><ul><li><a href="./OrtNodeOptions"><code>OrtNodeOptions</code></a></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-rules"></a> <code>rules?</code></td><td style="text-align:left;" data-label="Type"><code>Rules</code></td><td style="text-align:left;" data-label="Description">Lowering rules that override the engine&#39;s own, by operator.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-threads"></a> <code>threads?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Compute threads. Default: one per processor; in browsers, what onnxruntime-web chooses.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/OrtOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const OrtOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  OrtOptions as default
};
