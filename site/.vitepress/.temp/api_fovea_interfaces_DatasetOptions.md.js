import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: DatasetOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/DatasetOptions.md","filePath":"api/fovea/interfaces/DatasetOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/DatasetOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-datasetoptions" tabindex="-1">Interface: DatasetOptions <a class="header-anchor" href="#interface-datasetoptions" aria-label="Permalink to &quot;Interface: DatasetOptions&quot;">​</a></h1><p>Images held in memory.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-channels"></a> <code>channels?</code></td><td style="text-align:left;"><code>1</code> | <code>3</code></td><td style="text-align:left;">3 for RGB planes; 1 for gray, which is repeated to RGB. Default 3.</td></tr><tr><td style="text-align:left;"><a id="property-classes"></a> <code>classes</code></td><td style="text-align:left;">readonly <code>string</code>[]</td><td style="text-align:left;">Class names; the position is the label.</td></tr><tr><td style="text-align:left;"><a id="property-defaults"></a> <code>defaults?</code></td><td style="text-align:left;"><a href="./DatasetDefaults"><code>DatasetDefaults</code></a></td><td style="text-align:left;">Defaults for these images.</td></tr><tr><td style="text-align:left;"><a id="property-height"></a> <code>height</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Height of every image, in pixels.</td></tr><tr><td style="text-align:left;"><a id="property-labels"></a> <code>labels</code></td><td style="text-align:left;"><code>ArrayLike</code>&lt;<code>number</code>&gt;</td><td style="text-align:left;"><code>[count]</code></td></tr><tr><td style="text-align:left;"><a id="property-name"></a> <code>name</code></td><td style="text-align:left;"><code>string</code></td><td style="text-align:left;">Name of the data set, for messages and reports.</td></tr><tr><td style="text-align:left;"><a id="property-pixels"></a> <code>pixels</code></td><td style="text-align:left;"><code>Uint8Array</code></td><td style="text-align:left;"><code>[count, channels, height, width]</code></td></tr><tr><td style="text-align:left;"><a id="property-width"></a> <code>width</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Width of every image, in pixels.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/DatasetOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const DatasetOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  DatasetOptions as default
};
