import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: StepReport","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/StepReport.md","filePath":"api/fovea/interfaces/StepReport.md"}');
const _sfc_main = { name: "api/fovea/interfaces/StepReport.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-stepreport" tabindex="-1">Interface: StepReport <a class="header-anchor" href="#interface-stepreport" aria-label="Permalink to &quot;Interface: StepReport&quot;">​</a></h1><p>Progress after a step.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-batch"></a> <code>batch</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Batches done in this epoch.</td></tr><tr><td style="text-align:left;"><a id="property-batches"></a> <code>batches</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Batches per epoch.</td></tr><tr><td style="text-align:left;"><a id="property-epoch"></a> <code>epoch</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">The epoch, counted from 1.</td></tr><tr><td style="text-align:left;"><a id="property-epochs"></a> <code>epochs</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Number of epochs.</td></tr><tr><td style="text-align:left;"><a id="property-imagespersecond"></a> <code>imagesPerSecond</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Speed in this epoch.</td></tr><tr><td style="text-align:left;"><a id="property-loss"></a> <code>loss</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Means over the epoch so far.</td></tr><tr><td style="text-align:left;"><a id="property-top1"></a> <code>top1</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Top-1 over the epoch so far.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/StepReport.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const StepReport = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  StepReport as default
};
