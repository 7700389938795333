import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Function: restoreCheckpoint()","description":"","frontmatter":{},"headers":[],"relativePath":"api/fovea/engine/functions/restoreCheckpoint.md","filePath":"api/fovea/engine/functions/restoreCheckpoint.md"}');
const _sfc_main = { name: "api/fovea/engine/functions/restoreCheckpoint.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="function-restorecheckpoint" tabindex="-1">Function: restoreCheckpoint() <a class="header-anchor" href="#function-restorecheckpoint" aria-label="Permalink to &quot;Function: restoreCheckpoint()&quot;">​</a></h1><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">function</span><span style="--shiki-light:#622CBC;--shiki-dark:#DBB7FF;"> restoreCheckpoint</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">(</span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   source</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   model</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   cells</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   seed</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">, </span></span>
<span class="line"><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">   classes</span></span>
<span class="line"><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">)</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">:</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;"> Promise</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">&lt;</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">Progress</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">&gt;;</span></span></code></pre></div><p>Restores what <a href="./writeCheckpoint">writeCheckpoint</a> wrote, tensor by tensor; nothing changes unless everything fits.</p><h2 id="parameters" tabindex="-1">Parameters <a class="header-anchor" href="#parameters" aria-label="Permalink to &quot;Parameters&quot;">​</a></h2><table tabindex="0"><thead><tr><th style="text-align:left;">Parameter</th><th style="text-align:left;">Type</th></tr></thead><tbody><tr><td style="text-align:left;"><code>source</code></td><td style="text-align:left;"><a href="./../interfaces/ByteSource"><code>ByteSource</code></a></td></tr><tr><td style="text-align:left;"><code>model</code></td><td style="text-align:left;"><a href="./../../nn/type-aliases/AnyModule"><code>AnyModule</code></a></td></tr><tr><td style="text-align:left;"><code>cells</code></td><td style="text-align:left;"><code>ReadonlyMap</code>&lt;<code>string</code>, <a href="./../../nn/classes/Param"><code>Param</code></a>&gt;</td></tr><tr><td style="text-align:left;"><code>seed</code></td><td style="text-align:left;"><code>number</code></td></tr><tr><td style="text-align:left;"><code>classes</code></td><td style="text-align:left;">readonly <code>string</code>[]</td></tr></tbody></table><h2 id="returns" tabindex="-1">Returns <a class="header-anchor" href="#returns" aria-label="Permalink to &quot;Returns&quot;">​</a></h2><p><code>Promise</code>&lt;<a href="./../../interfaces/Progress"><code>Progress</code></a>&gt;</p><h2 id="throws" tabindex="-1">Throws <a class="header-anchor" href="#throws" aria-label="Permalink to &quot;Throws&quot;">​</a></h2><p>FormatError if the file belongs to another model, optimizer, seed or classes.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("api/fovea/engine/functions/restoreCheckpoint.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const restoreCheckpoint = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  restoreCheckpoint as default
};
