import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: WideResNetOptions","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/nn/interfaces/WideResNetOptions.md","filePath":"api/fovea/nn/interfaces/WideResNetOptions.md"}');
const _sfc_main = { name: "api/fovea/nn/interfaces/WideResNetOptions.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="interface-wideresnetoptions" tabindex="-1">Interface: WideResNetOptions <a class="header-anchor" href="#interface-wideresnetoptions" aria-label="Permalink to &quot;Interface: WideResNetOptions&quot;">​</a></h1><p>Options of <a href="./../functions/wideResnet">wideResnet</a>.</p><h2 id="extends" tabindex="-1">Extends <a class="header-anchor" href="#extends" aria-label="Permalink to &quot;Extends&quot;">​</a></h2><ul><li><a href="./../../interfaces/ClassifierOptions"><code>ClassifierOptions</code></a></li></ul><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Property</th><th style="text-align:left;">Type</th><th style="text-align:left;">Description</th><th style="text-align:left;">Inherited from</th></tr></thead><tbody><tr><td style="text-align:left;"><a id="property-attention"></a> <code>attention?</code></td><td style="text-align:left;"><a href="./../../type-aliases/AttentionChoice"><code>AttentionChoice</code></a> | <code>null</code></td><td style="text-align:left;">An attention module for every block: a catalogue name, <code>[name, options]</code>, or a function of the channels. Null or left out: that of the published network, usually none; &quot;none&quot;: none.</td><td style="text-align:left;"><a href="./../../interfaces/ClassifierOptions"><code>ClassifierOptions</code></a>.<a href="./../../interfaces/ClassifierOptions#property-attention"><code>attention</code></a></td></tr><tr><td style="text-align:left;"><a id="property-dropout"></a> <code>dropout?</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Dropout rate between the two convolutions of a block.</td><td style="text-align:left;">-</td></tr><tr><td style="text-align:left;"><a id="property-numclasses"></a> <code>numClasses?</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Number of classes, the width of the logits.</td><td style="text-align:left;"><a href="./../../interfaces/ClassifierOptions"><code>ClassifierOptions</code></a>.<a href="./../../interfaces/ClassifierOptions#property-numclasses"><code>numClasses</code></a></td></tr><tr><td style="text-align:left;"><a id="property-seed"></a> <code>seed?</code></td><td style="text-align:left;"><code>number</code></td><td style="text-align:left;">Seed of the initial weights.</td><td style="text-align:left;"><a href="./../../interfaces/ClassifierOptions"><code>ClassifierOptions</code></a>.<a href="./../../interfaces/ClassifierOptions#property-seed"><code>seed</code></a></td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/nn/interfaces/WideResNetOptions.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const WideResNetOptions = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  WideResNetOptions as default
};
