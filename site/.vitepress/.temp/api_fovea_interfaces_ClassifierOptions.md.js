import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: ClassifierOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/interfaces/ClassifierOptions.md","filePath":"api/fovea/interfaces/ClassifierOptions.md"}');
const _sfc_main = { name: "api/fovea/interfaces/ClassifierOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-classifieroptions" tabindex="-1">Interface: ClassifierOptions <a class="header-anchor" href="#interface-classifieroptions" aria-label="Permalink to &quot;Interface: ClassifierOptions&quot;">​</a></h1><p>Options that every network has.</p><h2 id="extended-by" tabindex="-1">Extended by <a class="header-anchor" href="#extended-by" aria-label="Permalink to &quot;Extended by&quot;">​</a></h2><ul><li><a href="./../nn/interfaces/DilatedOptions"><code>DilatedOptions</code></a></li><li><a href="./../nn/interfaces/MobileNetOptions"><code>MobileNetOptions</code></a></li><li><a href="./../nn/interfaces/PreActOptions"><code>PreActOptions</code></a></li><li><a href="./../nn/interfaces/ResNetOptions"><code>ResNetOptions</code></a></li><li><a href="./../nn/interfaces/RGAOptions"><code>RGAOptions</code></a></li><li><a href="./../nn/interfaces/SCNetOptions"><code>SCNetOptions</code></a></li><li><a href="./../nn/interfaces/UNetOptions"><code>UNetOptions</code></a></li><li><a href="./../nn/interfaces/VANOptions"><code>VANOptions</code></a></li><li><a href="./../nn/interfaces/WideResNetOptions"><code>WideResNetOptions</code></a></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Property"><a id="property-attention"></a> <code>attention?</code></td><td style="text-align:left;" data-label="Type"><a href="./../type-aliases/AttentionChoice"><code>AttentionChoice</code></a> | <code>null</code></td><td style="text-align:left;" data-label="Description">An attention module for every block: a catalogue name, <code>[name, options]</code>, or a function of the channels. Null or left out: that of the published network, usually none; &quot;none&quot;: none.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-numclasses"></a> <code>numClasses?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Number of classes, the width of the logits.</td></tr><tr><td style="text-align:left;" data-label="Property"><a id="property-seed"></a> <code>seed?</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td><td style="text-align:left;" data-label="Description">Seed of the initial weights.</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/interfaces/ClassifierOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const ClassifierOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  ClassifierOptions as default
};
