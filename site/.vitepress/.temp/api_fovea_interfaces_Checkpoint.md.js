import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Checkpoint","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/Checkpoint.md","filePath":"api/fovea/interfaces/Checkpoint.md"}');
const _sfc_main = { name: "api/fovea/interfaces/Checkpoint.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-checkpoint" tabindex="-1">Interface: Checkpoint <a class="header-anchor" href="#interface-checkpoint" aria-label="Permalink to &quot;Interface: Checkpoint&quot;">​</a></h1><p>The tensors of a checkpoint by state-dict key, and the scalars saved with them, as text.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-format"></a> <code>format</code></td><td style="text-align:left;" data-label="Type"><code>&quot;safetensors&quot;</code> | <code>TorchLayout</code></td><td style="text-align:left;" data-label="Description">Format of the file.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-metadata"></a> <code>metadata</code></td><td style="text-align:left;" data-label="Type"><code>Record</code>&lt;<code>string</code>, <code>string</code>&gt;</td><td style="text-align:left;" data-label="Description">Text stored with the tensors.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-otherparts"></a> <code>otherParts?</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[]</td><td style="text-align:left;" data-label="Description">Other places with tensors that could be weights: a moving average, the second network of a pair.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-part"></a> <code>part?</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">Where the weights were in a PyTorch file, such as <code>state_dict</code>; empty for the top level.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-placeholders"></a> <code>placeholders?</code></td><td style="text-align:left;" data-label="Type">readonly <a href="./PlaceholderAt"><code>PlaceholderAt</code></a>[]</td><td style="text-align:left;" data-label="Description">The objects in PyTorch files that only Python code could restore, the first 1000: nothing but their type was read.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-tensors"></a> <code>tensors</code></td><td style="text-align:left;" data-label="Type"><code>Map</code>&lt;<code>string</code>, <a href="./Tensor"><code>Tensor</code></a>&lt;keyof <code>Storage</code>&gt;&gt;</td><td style="text-align:left;" data-label="Description">The tensors, by key.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/Checkpoint.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Checkpoint = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Checkpoint as default
};
