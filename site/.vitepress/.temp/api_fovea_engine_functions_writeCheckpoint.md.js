import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Function: writeCheckpoint()","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/engine/functions/writeCheckpoint.md","filePath":"api/fovea/engine/functions/writeCheckpoint.md"}');
const _sfc_main = { name: "api/fovea/engine/functions/writeCheckpoint.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="function-writecheckpoint" tabindex="-1">Function: writeCheckpoint() <a class="header-anchor" href="#function-writecheckpoint" aria-label="Permalink to &quot;Function: writeCheckpoint()&quot;">​</a></h1><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">function</span><span style="--shiki-light:#622CBC;--shiki-dark:#DBB7FF;"> writeCheckpoint</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">(</span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   model</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   cells</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   seed</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   progress</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   classes</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   metadata</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">?</span></span>
<span class="line"><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">)</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">:</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;"> SafetensorsFile</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">;</span></span></code></pre></div><p>The contents of <code>last.safetensors</code>: weights under plain keys, optimizer slots, averages, and progress; <code>metadata</code> describes the network. Equal states give equal bytes.</p><h2 id="parameters" tabindex="-1">Parameters <a class="header-anchor" href="#parameters" aria-label="Permalink to &quot;Parameters&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Parameter</th><th style="text-align:left;">Type</th></tr></thead><tbody><tr><td style="text-align:left;" data-label="Parameter"><code>model</code></td><td style="text-align:left;" data-label="Type"><a href="./../../nn/type-aliases/AnyModule"><code>AnyModule</code></a></td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>cells</code></td><td style="text-align:left;" data-label="Type"><code>ReadonlyMap</code>&lt;<code>string</code>, <a href="./../../nn/classes/Param"><code>Param</code></a>&gt;</td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>seed</code></td><td style="text-align:left;" data-label="Type"><code>number</code></td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>progress</code></td><td style="text-align:left;" data-label="Type"><a href="./../../interfaces/Progress"><code>Progress</code></a></td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>classes</code></td><td style="text-align:left;" data-label="Type">readonly <code>string</code>[]</td></tr><tr><td style="text-align:left;" data-label="Parameter"><code>metadata?</code></td><td style="text-align:left;" data-label="Type"><code>Readonly</code>&lt;<code>Record</code>&lt;<code>string</code>, <code>string</code>&gt;&gt;</td></tr></tbody></table><h2 id="returns" tabindex="-1">Returns <a class="header-anchor" href="#returns" aria-label="Permalink to &quot;Returns&quot;">​</a></h2><p><a href="./../../interfaces/SafetensorsFile"><code>SafetensorsFile</code></a></p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/engine/functions/writeCheckpoint.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const writeCheckpoint = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  writeCheckpoint as default
};
