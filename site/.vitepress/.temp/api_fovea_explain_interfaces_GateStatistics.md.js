import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: GateStatistics","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/GateStatistics.md","filePath":"api/fovea/explain/interfaces/GateStatistics.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/GateStatistics.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-gatestatistics" tabindex="-1">Interface: GateStatistics <a class="header-anchor" href="#interface-gatestatistics" aria-label="Permalink to &quot;Interface: GateStatistics&quot;">​</a></h1><p>How a gate behaves over a data set.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-byclass"></a> <code>byClass</code></td><td style="text-align:left;"><code>number</code> | <code>null</code></td><td style="text-align:left;">The share of the variance over images that is between classes; null if it does not vary, or there is only one class.</td></tr><tr><td style="text-align:left;"><a id="property-dead"></a> <code>dead</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">The share of its numbers below 0.05.</td></tr><tr><td style="text-align:left;"><a id="property-deviation"></a> <code>deviation</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Standard deviation over images, averaged over its values: 0 if it is the same for every image.</td></tr><tr><td style="text-align:left;"><a id="property-kind"></a> <code>kind</code></td><td style="text-align:left;"><code>&quot;channel&quot;</code> | <code>&quot;spatial&quot;</code> | <code>&quot;strip&quot;</code> | <code>&quot;3-D&quot;</code> | <code>&quot;pairwise&quot;</code> | <code>null</code></td><td style="text-align:left;">What the gate&#39;s axes mean; null if its module does not say.</td></tr><tr><td style="text-align:left;"><a id="property-mean"></a> <code>mean</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Mean of all its values for all images.</td></tr><tr><td style="text-align:left;"><a id="property-name"></a> <code>name</code></td><td style="text-align:left;"><code>string</code></td><td style="text-align:left;">The gate&#39;s module and name, such as <code>layer1.0.cbam/spatial</code>.</td></tr><tr><td style="text-align:left;"><a id="property-saturated"></a> <code>saturated</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">The share of its numbers above 0.95.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/GateStatistics.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const GateStatistics = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  GateStatistics as default
};
