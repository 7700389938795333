import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: FaithfulnessTable","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/FaithfulnessTable.md","filePath":"api/fovea/explain/interfaces/FaithfulnessTable.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/FaithfulnessTable.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-faithfulnesstable" tabindex="-1">Interface: FaithfulnessTable <a class="header-anchor" href="#interface-faithfulnesstable" aria-label="Permalink to &quot;Interface: FaithfulnessTable&quot;">​</a></h1><p>What <a href="./../functions/faithfulness">faithfulness</a> found.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-images"></a> <code>images</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Images that were measured.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-rows"></a> <code>rows</code></td><td style="text-align:left;" data-label="Type">readonly <code>Row</code>&lt;<a href="./../type-aliases/FaithfulnessColumn"><code>FaithfulnessColumn</code></a>&gt;[]</td><td style="text-align:left;" data-label="Description">The methods in the order they were given, then the controls.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/FaithfulnessTable.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const FaithfulnessTable = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  FaithfulnessTable as default
};
