import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Augmentation","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/Augmentation.md","filePath":"api/fovea/interfaces/Augmentation.md"}');
const _sfc_main = { name: "api/fovea/interfaces/Augmentation.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-augmentation" tabindex="-1">Interface: Augmentation <a class="header-anchor" href="#interface-augmentation" aria-label="Permalink to &quot;Interface: Augmentation&quot;">​</a></h1><p>Random changes of training images. Plain data, like <a href="./Preprocessing">Preprocessing</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-crop"></a> <code>crop</code></td><td style="text-align:left;" data-label="Type">| { <code>padding</code>: <code>number</code>; } | { <code>scale</code>: readonly [<code>number</code>, <code>number</code>]; } | { <code>jitter</code>: readonly [<code>number</code>, <code>number</code>]; } | <code>null</code></td><td style="text-align:left;" data-label="Description"><code>padding</code>: shift by up to this many pixels, black outside (CIFAR&#39;s recipe). <code>scale</code>: a random crop with this share of the area and an aspect of 3/4 … 4/3, scaled to S × S. <code>jitter</code>: the image at <code>resize</code> times a factor in this range, and a random S × S window of it, black outside (for segmentation). null: the center, as in evaluation.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-flip"></a> <code>flip</code></td><td style="text-align:left;" data-label="Type"><code>boolean</code></td><td style="text-align:left;" data-label="Description">Mirror left and right with probability 1/2.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/Augmentation.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Augmentation = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Augmentation as default
};
