import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: FeaturePlan","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/FeaturePlan.md","filePath":"api/fovea/interfaces/FeaturePlan.md"}');
const _sfc_main = { name: "api/fovea/interfaces/FeaturePlan.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-featureplan" tabindex="-1">Interface: FeaturePlan <a class="header-anchor" href="#interface-featureplan" aria-label="Permalink to &quot;Interface: FeaturePlan&quot;">​</a></h1><p>Whether the features of a data set are computed once and kept.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-bytes"></a> <code>bytes</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Memory they take; 0 if there are none.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-images"></a> <code>images</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Number of images.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-reason"></a> <code>reason</code></td><td style="text-align:left;" data-label="Type"><code>string</code> | <code>null</code></td><td style="text-align:left;" data-label="Description">Why they are not kept; null if they are.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/FeaturePlan.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const FeaturePlan = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  FeaturePlan as default
};
