import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: ClassificationMetrics","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/ClassificationMetrics.md","filePath":"api/fovea/interfaces/ClassificationMetrics.md"}');
const _sfc_main = { name: "api/fovea/interfaces/ClassificationMetrics.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-classificationmetrics" tabindex="-1">Interface: ClassificationMetrics <a class="header-anchor" href="#interface-classificationmetrics" aria-label="Permalink to &quot;Interface: ClassificationMetrics&quot;">​</a></h1><p>Metrics of a classifier. Shares are between 0 and 1; the loss is the mean cross entropy in nats.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-classes"></a> <code>classes</code></td><td style="text-align:left;" data-label="Type">readonly <a href="./ClassMetrics"><code>ClassMetrics</code></a>[]</td><td style="text-align:left;" data-label="Description">Metrics per class.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-confusion"></a> <code>confusion</code></td><td style="text-align:left;" data-label="Type">readonly (readonly <code>number</code>[])[]</td><td style="text-align:left;" data-label="Description"><code>confusion[label][prediction]</code>: number of images.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-count"></a> <code>count</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Number of images.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-loss"></a> <code>loss</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Mean cross entropy, in nats.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-top1"></a> <code>top1</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Share of images whose top prediction is correct.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-top5"></a> <code>top5</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Share of images whose label is among the five largest logits (all, if there are fewer classes).</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/ClassificationMetrics.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const ClassificationMetrics = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  ClassificationMetrics as default
};
