"use strict";
// Once a second the page asks for the time and for who answers. Each task gets a letter and a colour; the strip shows the
// last requests, so that one sees the load balancer take turns, and a new version take over.
(() => {
  const kept = 60, colours = 6;
  const tasks = new Map(); // by hostname and version
  const answers = [];
  const find = (id) => document.getElementById(id);

  const ask = async (path) => {
    const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(3000) });
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.json();
  };

  const make = (name, className, text) => {
    const element = document.createElement(name);
    element.className = className;
    element.textContent = text;
    return element;
  };

  const taskOf = ({ hostname, version }) => {
    const key = `${hostname} ${version}`;
    if (!tasks.has(key)) {
      const n = tasks.size;
      tasks.set(key, { letter: String.fromCharCode(65 + (n % 26)), colour: `t${n % colours}`, name: hostname, version });
    }
    return tasks.get(key);
  };

  const show = () => {
    find("live").hidden = false;
    find("strip").replaceChildren(...answers.map((task) => {
      const item = make("li", task ? task.colour : "none", task ? task.letter : "–");
      item.title = task ? `${task.name}, version ${task.version}` : "no answer";
      return item;
    }));
    find("tasks").replaceChildren(...[...tasks.values()].filter((task) => answers.includes(task)).map((task) => {
      const item = make("li", "", "");
      const count = answers.filter((other) => other === task).length;
      item.append(make("span", `key ${task.colour}`, task.letter), `${task.name}, version ${task.version}: ${count} of ${answers.length}`);
      return item;
    }));
  };

  const say = (text) => { if (find("state").textContent !== text) find("state").textContent = text; };

  const tick = async () => {
    try {
      const [now, who] = await Promise.all([ask("/time"), ask("/version")]);
      const text = new Date(now.timestamp * 1000).toISOString();
      find("time").dateTime = text;
      find("time").textContent = text.slice(0, 19).replace("T", " ");
      answers.unshift(taskOf(who));
      say("");
    } catch (problem) {
      answers.unshift(null);
      say(`No answer: ${problem.message}`);
    }
    answers.length = Math.min(answers.length, kept);
    show();
    setTimeout(tick, 1000);
  };
  tick();
})();
