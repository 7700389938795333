import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: LocalizationTable","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/LocalizationTable.md","filePath":"api/fovea/explain/interfaces/LocalizationTable.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/LocalizationTable.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-localizationtable" tabindex="-1">Interface: LocalizationTable <a class="header-anchor" href="#interface-localizationtable" aria-label="Permalink to &quot;Interface: LocalizationTable&quot;">​</a></h1><p>What <a href="./../functions/localization">localization</a> found.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-chance"></a> <code>chance</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">How often a random position would win the pointing game.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-images"></a> <code>images</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Number of images measured.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-leftout"></a> <code>leftOut</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Images whose mask is empty or full, which no mean includes.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-rows"></a> <code>rows</code></td><td style="text-align:left;" data-label="Type">readonly <code>Row</code>&lt;<a href="./../type-aliases/LocalizationColumn"><code>LocalizationColumn</code></a>&gt;[]</td><td style="text-align:left;" data-label="Description">The methods in the order they were given, then the controls.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-share"></a> <code>share</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Mean share of the object in an image.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/LocalizationTable.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const LocalizationTable = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  LocalizationTable as default
};
