import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: CheckOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/testing/interfaces/CheckOptions.md","filePath":"api/fovea/testing/interfaces/CheckOptions.md"}');
const _sfc_main = { name: "api/fovea/testing/interfaces/CheckOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-checkoptions" tabindex="-1">Interface: CheckOptions <a class="header-anchor" href="#interface-checkoptions" aria-label="Permalink to &quot;Interface: CheckOptions&quot;">​</a></h1><p>Options of <a href="./../functions/checkFunction">checkFunction</a>.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-engines"></a> <code>engines?</code></td><td style="text-align:left;" data-label="Type">readonly <a href="./../../interfaces/Engine"><code>Engine</code></a>[]</td><td style="text-align:left;" data-label="Description">Engines to compare with the reference engine.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-enginetolerance"></a> <code>engineTolerance?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Largest difference between engines, relative to the largest element.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-gradienttolerance"></a> <code>gradientTolerance?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Largest difference between derived and numeric gradients, relative to the gradient&#39;s largest element.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-samples"></a> <code>samples?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Elements per input to differentiate numerically.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-seed"></a> <code>seed?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Seed for sampling elements. Default 1.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/testing/interfaces/CheckOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const CheckOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  CheckOptions as default
};
