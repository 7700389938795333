import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Preprocessing","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/Preprocessing.md","filePath":"api/fovea/interfaces/Preprocessing.md"}');
const _sfc_main = { name: "api/fovea/interfaces/Preprocessing.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-preprocessing" tabindex="-1">Interface: Preprocessing <a class="header-anchor" href="#interface-preprocessing" aria-label="Permalink to &quot;Interface: Preprocessing&quot;">​</a></h1><p>How an image becomes network input. Plain data, stored with a trained model.</p><h2 id="extends" tabindex="-1">Extends <a class="header-anchor" href="#extends" aria-label="Permalink to &quot;Extends&quot;">​</a></h2><ul><li><a href="./Normalization"><code>Normalization</code></a></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th><th style="text-align:left;">Inherited from</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-imagesize"></a> <code>imageSize</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Side S of the square input, in pixels.</td><td style="text-align:left;" data-label="Inherited from">-</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-mean"></a> <code>mean</code></td><td style="text-align:left;" data-label="Type">readonly [<code>number</code>, <code>number</code>, <code>number</code>]</td><td style="text-align:left;" data-label="Description">Subtracted from each channel, of values from 0 to 1.</td><td style="text-align:left;" data-label="Inherited from"><a href="./Normalization"><code>Normalization</code></a>.<a href="./Normalization#property-mean"><code>mean</code></a></td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-resize"></a> <code>resize</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Shorter side before the S × S center crop; at least S.</td><td style="text-align:left;" data-label="Inherited from">-</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-std"></a> <code>std</code></td><td style="text-align:left;" data-label="Type">readonly [<code>number</code>, <code>number</code>, <code>number</code>]</td><td style="text-align:left;" data-label="Description">The divisor of each channel afterwards.</td><td style="text-align:left;" data-label="Inherited from"><a href="./Normalization"><code>Normalization</code></a>.<a href="./Normalization#property-std"><code>std</code></a></td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/Preprocessing.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Preprocessing = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Preprocessing as default
};
