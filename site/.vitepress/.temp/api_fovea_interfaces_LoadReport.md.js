import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: LoadReport","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/LoadReport.md","filePath":"api/fovea/interfaces/LoadReport.md"}');
const _sfc_main = { name: "api/fovea/interfaces/LoadReport.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-loadreport" tabindex="-1">Interface: LoadReport <a class="header-anchor" href="#interface-loadreport" aria-label="Permalink to &quot;Interface: LoadReport&quot;">​</a></h1><p>What happened to each key when weights were loaded.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-matched"></a> <code>matched</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[]</td><td style="text-align:left;" data-label="Description">Keys that were loaded.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-missing"></a> <code>missing</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[]</td><td style="text-align:left;" data-label="Description">In the model, not in the weights; or ignored because its values are not finite.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-unexpected"></a> <code>unexpected</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[]</td><td style="text-align:left;" data-label="Description">In the weights, not in the model.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-wrongshape"></a> <code>wrongShape</code></td><td style="text-align:left;" data-label="Type">readonly { <code>key</code>: <code>string</code>; <code>model</code>: readonly <code>number</code>[]; <code>weights</code>: readonly <code>number</code>[]; }[]</td><td style="text-align:left;" data-label="Description">Keys whose shapes differ.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/LoadReport.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const LoadReport = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  LoadReport as default
};
