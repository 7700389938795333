import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Tensor<D>","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/Tensor.md","filePath":"api/fovea/interfaces/Tensor.md"}');
const _sfc_main = { name: "api/fovea/interfaces/Tensor.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-tensor-d" tabindex="-1">Interface: Tensor&lt;D&gt; <a class="header-anchor" href="#interface-tensor-d" aria-label="Permalink to &quot;Interface: Tensor\\&lt;D\\&gt;&quot;">​</a></h1><p>A dense array as plain data: row-major, <code>data.length</code> = product of <code>shape</code>; a scalar has shape <code>[]</code>.</p><h2 id="type-parameters" tabindex="-1">Type Parameters <a class="header-anchor" href="#type-parameters" aria-label="Permalink to &quot;Type Parameters&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Type Parameter</th><th style="text-align:left;">Default type</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="type-parameter-d"></a> <code>D</code> <em>extends</em> <a href="./../type-aliases/DType"><code>DType</code></a></td><td style="text-align:left;"><a href="./../type-aliases/DType"><code>DType</code></a></td></tr></tbody></table><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-data"></a> <code>data</code></td><td style="text-align:left;" data-label="Type"><code>Storage</code>[<code>D</code>]</td><td style="text-align:left;" data-label="Description">The elements, row-major.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-dtype"></a> <code>dtype</code></td><td style="text-align:left;" data-label="Type"><code>D</code></td><td style="text-align:left;" data-label="Description">Type of the elements.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-shape"></a> <code>shape</code></td><td style="text-align:left;" data-label="Type">readonly <code>number</code>[]</td><td style="text-align:left;" data-label="Description">Size of each dimension; <code>[]</code> for a scalar.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/Tensor.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Tensor = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Tensor as default
};
