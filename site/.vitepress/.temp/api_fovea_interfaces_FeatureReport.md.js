import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: FeatureReport","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/FeatureReport.md","filePath":"api/fovea/interfaces/FeatureReport.md"}');
const _sfc_main = { name: "api/fovea/interfaces/FeatureReport.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-featurereport" tabindex="-1">Interface: FeatureReport <a class="header-anchor" href="#interface-featurereport" aria-label="Permalink to &quot;Interface: FeatureReport&quot;">​</a></h1><p>What is kept, and how many images are done.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-done"></a> <code>done</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Images computed so far.</td></tr><tr><td style="text-align:left;"><a id="property-total"></a> <code>total</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Images to compute.</td></tr><tr><td style="text-align:left;"><a id="property-training"></a> <code>training</code></td><td style="text-align:left;"><a href="./FeaturePlan"><code>FeaturePlan</code></a></td><td style="text-align:left;">The plan for the training data.</td></tr><tr><td style="text-align:left;"><a id="property-validation"></a> <code>validation</code></td><td style="text-align:left;"><a href="./FeaturePlan"><code>FeaturePlan</code></a> | <code>null</code></td><td style="text-align:left;">Null without validation data.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/FeatureReport.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const FeatureReport = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  FeatureReport as default
};
