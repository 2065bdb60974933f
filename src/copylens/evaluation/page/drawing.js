// What the parts of this page share: the results, names and keys of systems.
const [results] = data("results");
const systems = results.systems;
const several = systems.length > 1;

const letter = (number) => (number < 26 ? String.fromCharCode(65 + number) : String(number + 1));
const named = (number) => (several ? `${letter(number)} ${systems[number].label}` : systems[number].label);
const key = (number, note = "") => {
  const node = make("span", `key ${hue(number)}`);
  if (several) node.append(make("span", "letter", letter(number)));
  node.append(make("bdi", "", systems[number].label));
  if (note) node.append(make("small", "", note));
  return node;
};
