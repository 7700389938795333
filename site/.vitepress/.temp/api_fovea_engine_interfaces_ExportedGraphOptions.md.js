import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: ExportedGraphOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/engine/interfaces/ExportedGraphOptions.md","filePath":"api/fovea/engine/interfaces/ExportedGraphOptions.md"}');
const _sfc_main = { name: "api/fovea/engine/interfaces/ExportedGraphOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-exportedgraphoptions" tabindex="-1">Interface: ExportedGraphOptions <a class="header-anchor" href="#interface-exportedgraphoptions" aria-label="Permalink to &quot;Interface: ExportedGraphOptions&quot;">​</a></h1><p>How a graph is transformed before export.</p><h2 id="extended-by" tabindex="-1">Extended by <a class="header-anchor" href="#extended-by" aria-label="Permalink to &quot;Extended by&quot;">​</a></h2><ul><li><a href="./../../interfaces/ExportOptions"><code>ExportOptions</code></a></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-attentionmaps"></a> <code>attentionMaps?</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Add the attention maps as outputs, named by path: <code>layer2.0.attention/channel</code>. Default false.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-features"></a> <code>features?</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Add the last feature maps before global pooling as output <code>features</code>. Default false.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-foldbatchnorm"></a> <code>foldBatchNorm?</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Fold batch norms into the convolutions that they follow. Default true.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-precision"></a> <code>precision?</code></td><td style="text-align:left;" data-label="Type"><code>&quot;float16&quot;</code> | <code>&quot;float32&quot;</code> | <code>&quot;int8&quot;</code></td><td style="text-align:left;" data-label="Description">Element type of stored weights: float16 halves a file, int8 (with a scale per output channel) quarters it. Default float32.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/engine/interfaces/ExportedGraphOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const ExportedGraphOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  ExportedGraphOptions as default
};
