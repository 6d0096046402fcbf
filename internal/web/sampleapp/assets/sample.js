// Copy buttons. Without script the text can still be selected, so they appear only when they work.
'use strict';

for (const box of document.querySelectorAll('.copyable')) {
  const code = box.querySelector('code');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = 'Copy';
  const label = box.querySelector('.label');
  button.setAttribute('aria-label', label ? 'Copy: ' + label.textContent : 'Copy');
  const said = document.createElement('span');
  said.className = 'hidden';
  said.setAttribute('role', 'status');
  let timer;
  button.addEventListener('click', async () => {
    let done = 'Copied';
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      getSelection().selectAllChildren(code);
      done = 'Selected';
    }
    button.textContent = said.textContent = done;
    clearTimeout(timer);
    timer = setTimeout(() => {
      button.textContent = 'Copy';
      said.textContent = '';
    }, 2000);
  });
  box.append(button, said);
}

// After a button was pressed, reading goes on at its answer.
if (location.hash === '#answer') {
  document.getElementById('answer')?.focus({ preventScroll: true });
}
