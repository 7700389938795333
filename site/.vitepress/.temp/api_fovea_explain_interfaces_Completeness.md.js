import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Completeness","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/Completeness.md","filePath":"api/fovea/explain/interfaces/Completeness.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/Completeness.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-completeness" tabindex="-1">Interface: Completeness <a class="header-anchor" href="#interface-completeness" aria-label="Permalink to &quot;Interface: Completeness&quot;">​</a></h1><p>How closely an attribution adds up to what it should.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-difference"></a> <code>difference</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">The difference of scores that it explains.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-error"></a> <code>error</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">|sum − difference| ÷ |difference|.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-sum"></a> <code>sum</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">The sum of the attribution.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/Completeness.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Completeness = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Completeness as default
};
