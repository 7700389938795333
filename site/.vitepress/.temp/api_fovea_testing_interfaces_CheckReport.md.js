import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: CheckReport","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/testing/interfaces/CheckReport.md","filePath":"api/fovea/testing/interfaces/CheckReport.md"}');
const _sfc_main = { name: "api/fovea/testing/interfaces/CheckReport.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-checkreport" tabindex="-1">Interface: CheckReport <a class="header-anchor" href="#interface-checkreport" aria-label="Permalink to &quot;Interface: CheckReport&quot;">​</a></h1><p>What <a href="./../functions/checkFunction">checkFunction</a> measured: the largest relative errors.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-engineerrors"></a> <code>engineErrors</code></td><td style="text-align:left;" data-label="Type"><code>Readonly</code>&lt;<code>Record</code>&lt;<code>string</code>, <code>number</code>&gt;&gt;</td><td style="text-align:left;" data-label="Description">Largest relative error of each engine against the reference engine.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-gradienterror"></a> <code>gradientError</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Largest relative error against numeric gradients.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-received"></a> <code>received</code></td><td style="text-align:left;" data-label="Type">readonly <code>boolean</code>[]</td><td style="text-align:left;" data-label="Description">For each input, whether the function depends on it.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/testing/interfaces/CheckReport.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const CheckReport = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  CheckReport as default
};
