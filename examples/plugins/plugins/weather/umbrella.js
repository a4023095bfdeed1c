export const advise = ({ rain }) => (rain ? 'Take one.' : 'Leave it at home.')
