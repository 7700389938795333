import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: UpdateInputs","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/engine/interfaces/UpdateInputs.md","filePath":"api/fovea/engine/interfaces/UpdateInputs.md"}');
const _sfc_main = { name: "api/fovea/engine/interfaces/UpdateInputs.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-updateinputs" tabindex="-1">Interface: UpdateInputs <a class="header-anchor" href="#interface-updateinputs" aria-label="Permalink to &quot;Interface: UpdateInputs&quot;">​</a></h1><p>What an update rule gets for one parameter: value, gradient, slots, and this step&#39;s scalars.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-decay"></a> <code>decay</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Weight decay of this parameter.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-gradient"></a> <code>gradient</code></td><td style="text-align:left;" data-label="Type"><a href="./../../interfaces/Value"><code>Value</code></a></td><td style="text-align:left;" data-label="Description">Its gradient.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-scalars"></a> <code>scalars</code></td><td style="text-align:left;" data-label="Type"><code>Readonly</code>&lt;<code>Record</code>&lt;<code>string</code>, <a href="./../../interfaces/Value"><code>Value</code></a>&gt;&gt;</td><td style="text-align:left;" data-label="Description">Numbers of this step, such as the learning rate.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-slots"></a> <code>slots</code></td><td style="text-align:left;" data-label="Type"><code>Readonly</code>&lt;<code>Record</code>&lt;<code>string</code>, <a href="./../../interfaces/Value"><code>Value</code></a>&gt;&gt;</td><td style="text-align:left;" data-label="Description">Arrays kept for the parameter, such as its momentum.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-value"></a> <code>value</code></td><td style="text-align:left;" data-label="Type"><a href="./../../interfaces/Value"><code>Value</code></a></td><td style="text-align:left;" data-label="Description">The parameter.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/engine/interfaces/UpdateInputs.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const UpdateInputs = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  UpdateInputs as default
};
