import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Layer","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/interfaces/Layer.md","filePath":"api/fovea/explain/interfaces/Layer.md"}');
const _sfc_main = { name: "api/fovea/explain/interfaces/Layer.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-layer" tabindex="-1">Interface: Layer <a class="header-anchor" href="#interface-layer" aria-label="Permalink to &quot;Interface: Layer&quot;">​</a></h1><p>A place in a network whose maps can be explained.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-channels"></a> <code>channels</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Channels of its output.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-height"></a> <code>height</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Rows of its output.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-passes"></a> <code>passes</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Whether every path from the image to the logits goes through it. A layer in one of several branches misses part of the evidence.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-path"></a> <code>path</code></td><td style="text-align:left;" data-label="Type"><code>string</code></td><td style="text-align:left;" data-label="Description">Path of the module whose output it is, such as <code>layer3</code> or <code>layer1.0.conv2</code>.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-width"></a> <code>width</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Columns of its output.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/interfaces/Layer.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Layer = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Layer as default
};
