import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Variable: imagenetClasses","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/variables/imagenetClasses.md","filePath":"api/fovea/variables/imagenetClasses.md"}');
const _sfc_main = { name: "api/fovea/variables/imagenetClasses.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="variable-imagenetclasses" tabindex="-1">Variable: imagenetClasses <a class="header-anchor" href="#variable-imagenetclasses" aria-label="Permalink to &quot;Variable: imagenetClasses&quot;">​</a></h1><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">const</span><span style="--shiki-light:#023B95;--shiki-dark:#91CBFF;"> imagenetClasses</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">:</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;"> readonly</span><span style="--shiki-light:#023B95;--shiki-dark:#91CBFF;"> string</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">[];</span></span></code></pre></div><p>The 1000 classes of ImageNet (ILSVRC 2012) in WordNet order, that of the logits of published networks. Two names each stand for two classes: crane (bird, machine) and maillot.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/variables/imagenetClasses.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const imagenetClasses = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  imagenetClasses as default
};
