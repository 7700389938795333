import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Function: boxMask()","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/explain/functions/boxMask.md","filePath":"api/fovea/explain/functions/boxMask.md"}');
const _sfc_main = { name: "api/fovea/explain/functions/boxMask.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="function-boxmask" tabindex="-1">Function: boxMask() <a class="header-anchor" href="#function-boxmask" aria-label="Permalink to &quot;Function: boxMask()&quot;">​</a></h1><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">function</span><span style="--shiki-light:#622CBC;--shiki-dark:#DBB7FF;"> boxMask</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">(</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">size</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">boxes</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">)</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">:</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;"> Mask</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">;</span></span></code></pre></div><p>The pixels whose centers lie in any of the boxes, clipped to the image.</p><h2 id="parameters" tabindex="-1">Parameters <a class="header-anchor" href="#parameters" aria-label="Permalink to &quot;Parameters&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Parameter</th><th style="text-align:left;">Type</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Parameter"><code>size</code></td><td style="text-align:left;" data-label="Type">{ <code>height</code>: <code>number</code>; <code>width</code>: <code>number</code>; }</td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>size.height</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>size.width</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>boxes</code></td><td style="text-align:left;" data-label="Type">readonly <a href="./../interfaces/Region"><code>Region</code></a>[]</td></tr></tbody></table><h2 id="returns" tabindex="-1">Returns <a class="header-anchor" href="#returns" aria-label="Permalink to &quot;Returns&quot;">​</a></h2><p><a href="./../interfaces/Mask"><code>Mask</code></a></p><h2 id="throws" tabindex="-1">Throws <a class="header-anchor" href="#throws" aria-label="Permalink to &quot;Throws&quot;">​</a></h2><p>DataError for a box outside the image: it belongs to another image, or is in other units.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/explain/functions/boxMask.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const boxMask = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  boxMask as default
};
