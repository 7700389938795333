import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: EpochReport<M>","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/EpochReport.md","filePath":"api/fovea/interfaces/EpochReport.md"}');
const _sfc_main = { name: "api/fovea/interfaces/EpochReport.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-epochreport-m" tabindex="-1">Interface: EpochReport&lt;M&gt; <a class="header-anchor" href="#interface-epochreport-m" aria-label="Permalink to &quot;Interface: EpochReport\\&lt;M\\&gt;&quot;">​</a></h1><p>Results of an epoch.</p><h2 id="type-parameters" tabindex="-1">Type Parameters <a class="header-anchor" href="#type-parameters" aria-label="Permalink to &quot;Type Parameters&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Type Parameter</th><th style="text-align:left;">Default type</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="type-parameter-m"></a> <code>M</code> <em>extends</em> <a href="./Scores"><code>Scores</code></a></td><td style="text-align:left;"><a href="./ClassificationMetrics"><code>ClassificationMetrics</code></a></td></tr></tbody></table><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-checkpoint"></a> <code>checkpoint</code></td><td style="text-align:left;"><a href="./SafetensorsFile"><code>SafetensorsFile</code></a></td><td style="text-align:left;">The state to resume from, as a file to write: <code>checkpoint.bytes()</code>, or piece by piece if it is large.</td></tr><tr><td style="text-align:left;"><a id="property-imagespersecond"></a> <code>imagesPerSecond</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Speed of the training.</td></tr><tr><td style="text-align:left;"><a id="property-isbest"></a> <code>isBest</code></td><td style="text-align:left;"><code>boolean</code></td><td style="text-align:left;">Whether this epoch is the best so far.</td></tr><tr><td style="text-align:left;"><a id="property-seconds"></a> <code>seconds</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Time it took, without validation.</td></tr><tr><td style="text-align:left;"><a id="property-validation"></a> <code>validation</code></td><td style="text-align:left;"><code>M</code> | <code>null</code></td><td style="text-align:left;">Metrics on the validation data.</td></tr><tr><td style="text-align:left;"><a id="property-weights"></a> <code>weights</code></td><td style="text-align:left;"><code>ReadonlyMap</code>&lt;<code>string</code>, <a href="./Tensor"><code>Tensor</code></a>&lt;keyof <code>Storage</code>&gt;&gt;</td><td style="text-align:left;">The weights that were validated: the averaged ones if there are any.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/EpochReport.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const EpochReport = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  EpochReport as default
};
