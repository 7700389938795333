import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: GoldenReport","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/testing/interfaces/GoldenReport.md","filePath":"api/fovea/testing/interfaces/GoldenReport.md"}');
const _sfc_main = { name: "api/fovea/testing/interfaces/GoldenReport.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-goldenreport" tabindex="-1">Interface: GoldenReport <a class="header-anchor" href="#interface-goldenreport" aria-label="Permalink to &quot;Interface: GoldenReport&quot;">​</a></h1><p>The outcome of checking one golden file with one engine.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-module"></a> <code>module</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">What the file covers: a module, or a network.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-ok"></a> <code>ok</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Whether all tensors are within tolerance.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-worst"></a> <code>worst</code></td><td style="text-align:left;" data-label="Type"><a href="./Worst"><code>Worst</code></a></td><td style="text-align:left;" data-label="Description">The tensor with the largest error.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/testing/interfaces/GoldenReport.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const GoldenReport = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  GoldenReport as default
};
