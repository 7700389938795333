import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: MaxPoolOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/nn/namespaces/ops/interfaces/MaxPoolOptions.md","filePath":"api/fovea/nn/namespaces/ops/interfaces/MaxPoolOptions.md"}');
const _sfc_main = { name: "api/fovea/nn/namespaces/ops/interfaces/MaxPoolOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-maxpooloptions" tabindex="-1">Interface: MaxPoolOptions <a class="header-anchor" href="#interface-maxpooloptions" aria-label="Permalink to &quot;Interface: MaxPoolOptions&quot;">​</a></h1><p>Options of <a href="./../functions/maxPool">maxPool</a>. <code>stride</code> defaults to the kernel. With <code>ceilMode</code> the last window of a row or column may extend beyond the padded map if it starts on the map or the padding before it (PyTorch&#39;s <code>ceil_mode</code>).</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-ceilmode"></a> <code>ceilMode?</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Whether a last window may reach over the end. Default false.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-dilation"></a> <code>dilation?</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | readonly [<code>number</code>, <code>number</code>]</td><td style="text-align:left;" data-label="Description">Steps between the elements of a window. Default 1.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-kernelsize"></a> <code>kernelSize</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | readonly [<code>number</code>, <code>number</code>]</td><td style="text-align:left;" data-label="Description">Height and width of a window.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-padding"></a> <code>padding?</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | readonly [<code>number</code>, <code>number</code>]</td><td style="text-align:left;" data-label="Description">Border that never wins, at most half the kernel. Default 0.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-stride"></a> <code>stride?</code></td><td style="text-align:left;" data-label="Type"><code>number</code> | readonly [<code>number</code>, <code>number</code>]</td><td style="text-align:left;" data-label="Description">Steps between windows. Default: the kernel.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/nn/namespaces/ops/interfaces/MaxPoolOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const MaxPoolOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  MaxPoolOptions as default
};
