import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Coincidence","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/Coincidence.md","filePath":"api/fovea/explain/interfaces/Coincidence.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/Coincidence.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-coincidence" tabindex="-1">Interface: Coincidence <a class="header-anchor" href="#interface-coincidence" aria-label="Permalink to &quot;Interface: Coincidence&quot;">​</a></h1><p>Methods that give the same map at a layer, so that their agreement is no evidence.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-methods"></a> <code>methods</code></td><td style="text-align:left;" data-label="Type">readonly <a href="./../../type-aliases/MethodName"><code>MethodName</code></a>[]</td><td style="text-align:left;" data-label="Description">Two or more methods.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-why"></a> <code>why</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">Why they coincide, as a sentence.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/Coincidence.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Coincidence = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Coincidence as default
};
