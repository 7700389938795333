import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: LoaderOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/engine/interfaces/LoaderOptions.md","filePath":"api/fovea/engine/interfaces/LoaderOptions.md"}');
const _sfc_main = { name: "api/fovea/engine/interfaces/LoaderOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-loaderoptions" tabindex="-1">Interface: LoaderOptions <a class="header-anchor" href="#interface-loaderoptions" aria-label="Permalink to &quot;Interface: LoaderOptions&quot;">​</a></h1><p>Options of <a href="./../classes/Loader">Loader</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-augment"></a> <code>augment?</code></td><td style="text-align:left;"><a href="./../../interfaces/Augmentation"><code>Augmentation</code></a> | <code>null</code></td><td style="text-align:left;">Random changes of each image. Default: none.</td></tr><tr><td style="text-align:left;"><a id="property-batch"></a> <code>batch</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Images per batch.</td></tr><tr><td style="text-align:left;"><a id="property-droplast"></a> <code>dropLast?</code></td><td style="text-align:left;"><code>boolean</code></td><td style="text-align:left;">Drop the last batch if it is not full. Default false.</td></tr><tr><td style="text-align:left;"><a id="property-preprocessing"></a> <code>preprocessing</code></td><td style="text-align:left;"><a href="./../../interfaces/Preprocessing"><code>Preprocessing</code></a></td><td style="text-align:left;">How images become inputs.</td></tr><tr><td style="text-align:left;"><a id="property-seed"></a> <code>seed?</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Seed of order and augmentation. Default 0.</td></tr><tr><td style="text-align:left;"><a id="property-shuffle"></a> <code>shuffle?</code></td><td style="text-align:left;"><code>boolean</code></td><td style="text-align:left;">Reshuffle in every epoch. Default false.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/engine/interfaces/LoaderOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const LoaderOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  LoaderOptions as default
};
