import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: ObjectiveInputs","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/engine/interfaces/ObjectiveInputs.md","filePath":"api/fovea/engine/interfaces/ObjectiveInputs.md"}');
const _sfc_main = { name: "api/fovea/engine/interfaces/ObjectiveInputs.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-objectiveinputs" tabindex="-1">Interface: ObjectiveInputs <a class="header-anchor" href="#interface-objectiveinputs" aria-label="Permalink to &quot;Interface: ObjectiveInputs&quot;">​</a></h1><p>What an objective is made from.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-images"></a> <code>images</code></td><td style="text-align:left;"><a href="./../../interfaces/Value"><code>Value</code></a></td><td style="text-align:left;">[batch, 3, height, width]</td></tr><tr><td style="text-align:left;"><a id="property-labelsmoothing"></a> <code>labelSmoothing</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">-</td></tr><tr><td style="text-align:left;"><a id="property-model"></a> <code>model</code></td><td style="text-align:left;"><a href="./../../interfaces/Module"><code>Module</code></a></td><td style="text-align:left;">-</td></tr><tr><td style="text-align:left;"><a id="property-targets"></a> <code>targets</code></td><td style="text-align:left;"><a href="./../../interfaces/Value"><code>Value</code></a></td><td style="text-align:left;">[batch, classes, …positions]</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/engine/interfaces/ObjectiveInputs.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const ObjectiveInputs = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  ObjectiveInputs as default
};
